import type {
  AIGatewayServiceClient,
  AnalysisContext,
  Blackboard,
  BoardProblem,
  CallOptions,
  CodeAnalysis,
  Contribution,
  Conversation,
  CreateBlackboardRequest,
  Knowledge,
  Message,
  Page,
  PageQuery,
  Response,
  Solution,
  Suggestion,
  SuggestionInput,
  Token,
} from '@devmentor/contracts';
import { pathTo } from '@devmentor/contracts/routes';
import type { ServiceTransport } from './service-transport.ts';

/** For a request that carries a problem's files. */
const uploadTimeoutMs = 60_000;

/** Specialists on code, their blackboards, and conversations. */
export class AIServiceProxy implements AIGatewayServiceClient {
  readonly #transport: ServiceTransport;

  constructor(transport: ServiceTransport) {
    this.#transport = transport;
  }

  async analyzeCode(code: string, context: AnalysisContext, options: CallOptions = {}): Promise<CodeAnalysis> {
    const path = pathTo('ai.analyze');
    return (await this.#transport.create<CodeAnalysis>(path, { code, context }, options)).data;
  }

  async generateSuggestions(input: SuggestionInput, options: CallOptions = {}): Promise<Suggestion[]> {
    const path = pathTo('ai.suggest');
    return (await this.#transport.create<{ items: Suggestion[] }>(path, input, options)).data.items;
  }

  /** Keeps a problem, so that a board can be opened on it by id. */
  async putProblem(problemId: string, problem: BoardProblem, options: CallOptions = {}): Promise<void> {
    await this.#transport.put(pathTo('ai.putProblem', { id: problemId }), problem, options);
  }

  /** Opens a board on a problem, given here or stored before. The files travel along. */
  async openBlackboard(wanted: CreateBlackboardRequest, options: CallOptions = {}): Promise<Blackboard> {
    const settings = { ...options, timeoutMs: uploadTimeoutMs };
    return (await this.#transport.create<Blackboard>(pathTo('ai.createBlackboard'), wanted, settings)).data;
  }

  async initializeBlackboard(problemId: string, options: CallOptions = {}): Promise<Blackboard> {
    return this.openBlackboard({ problemId }, options);
  }

  async blackboard(id: string, options: CallOptions = {}): Promise<Blackboard> {
    return (await this.#transport.get<Blackboard>(pathTo('ai.getBlackboard', { id }), options)).data;
  }

  /** Boards, the newest first. */
  async listBlackboards(page: PageQuery = {}, options: CallOptions = {}): Promise<Page<Blackboard>> {
    return (await this.#transport.get<Page<Blackboard>>(pathTo('ai.listBlackboards', {}, { ...page }), options)).data;
  }

  async deleteBlackboard(id: string, options: CallOptions = {}): Promise<void> {
    await this.#transport.delete(pathTo('ai.deleteBlackboard', { id }), { ...options, repeatable: true });
  }

  async contributeKnowledge(blackboardId: string, knowledge: Knowledge, options: CallOptions = {}): Promise<void> {
    await this.contribute(blackboardId, knowledge, options);
  }

  /** As {@link contributeKnowledge}, and says where it stands in the board's log. */
  async contribute(blackboardId: string, knowledge: Knowledge, options: CallOptions = {}): Promise<Contribution> {
    const path = pathTo('ai.contribute', { id: blackboardId });
    return (await this.#transport.create<Contribution>(path, { knowledge }, options)).data;
  }

  /** Contributions in the order of revisions, after a cursor or from the first. */
  async contributions(
    blackboardId: string,
    range: { readonly after?: string | undefined; readonly limit?: number } = {},
    options: CallOptions = {},
  ): Promise<Page<Contribution>> {
    const path = pathTo('ai.listContributions', { id: blackboardId }, range);
    return (await this.#transport.get<Page<Contribution>>(path, options)).data;
  }

  /** What the board last came to. @throws CoordinationError NOT_FOUND before it came to anything */
  async solution(blackboardId: string, options: CallOptions = {}): Promise<Solution> {
    return (await this.#transport.get<Solution>(pathTo('ai.getSolution', { id: blackboardId }), options)).data;
  }

  /** Holds a board up, lets it go on, or ends it for good. */
  async steerBlackboard(
    blackboardId: string,
    how: 'pause' | 'resume' | 'cancel',
    options: CallOptions = {},
  ): Promise<Blackboard> {
    const path = pathTo(`ai.${how}Blackboard`, { id: blackboardId });
    return (await this.#transport.post<Blackboard>(path, undefined, { ...options, repeatable: true })).data;
  }

  async synthesizeSolution(blackboardId: string, options: CallOptions = {}): Promise<Solution> {
    const path = pathTo('ai.synthesize', { id: blackboardId });
    return (await this.#transport.create<Solution>(path, undefined, options)).data;
  }

  async startConversation(userId?: string, options: CallOptions = {}): Promise<Conversation> {
    const body = userId === undefined ? {} : { userId };
    return (await this.#transport.create<Conversation>(pathTo('ai.startConversation'), body, options)).data;
  }

  async sendMessage(conversationId: string, message: Message, options: CallOptions = {}): Promise<Response> {
    const path = pathTo('ai.sendMessage', { id: conversationId });
    return (await this.#transport.create<Response>(path, message, options)).data;
  }

  /** The running or latest answer, piece by piece. Breaking out detaches; it goes on. */
  async *streamResponse(conversationId: string, options: CallOptions = {}): AsyncGenerator<Token> {
    const path = pathTo('ai.streamResponse', { id: conversationId });
    for await (const { event, data } of this.#transport.events(path, { signal: options.signal })) {
      if (event === 'done') return;
      if (event === 'token' || event === 'message') yield JSON.parse(data) as Token;
    }
  }

  /** Ends the generation itself. */
  async stopResponse(conversationId: string, options: CallOptions = {}): Promise<void> {
    const path = pathTo('ai.stopResponse', { id: conversationId });
    await this.#transport.post(path, undefined, { ...options, repeatable: true });
  }
}
