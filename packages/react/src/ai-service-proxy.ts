import type {
  AIGatewayServiceClient,
  AnalysisContext,
  Blackboard,
  BoardProblem,
  CallOptions,
  CodeAnalysis,
  Conversation,
  Knowledge,
  Message,
  Response,
  Solution,
  Suggestion,
  SuggestionInput,
  Token,
} from '@devmentor/contracts';
import { pathTo } from '@devmentor/contracts/routes';
import type { ServiceTransport } from './service-transport.ts';

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

  async initializeBlackboard(problemId: string, options: CallOptions = {}): Promise<Blackboard> {
    const path = pathTo('ai.createBlackboard');
    return (await this.#transport.create<Blackboard>(path, { problemId }, options)).data;
  }

  async contributeKnowledge(blackboardId: string, knowledge: Knowledge, options: CallOptions = {}): Promise<void> {
    await this.#transport.create(pathTo('ai.contribute', { id: blackboardId }), { knowledge }, options);
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
