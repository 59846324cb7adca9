import type {
  Answer,
  CallOptions,
  LearningPath,
  LearningServiceClient,
  Progress,
  Quiz,
  QuizResult,
  Recommendation,
} from '@devmentor/contracts';
import { pathTo } from '@devmentor/contracts/routes';
import type { ServiceTransport } from './service-transport.ts';

/** What somebody has learned, and what comes next. */
export class LearningServiceProxy implements LearningServiceClient {
  readonly #transport: ServiceTransport;

  constructor(transport: ServiceTransport) {
    this.#transport = transport;
  }

  async getPath(userId?: string, options: CallOptions = {}): Promise<LearningPath> {
    return (await this.#transport.get<LearningPath>(pathTo('learning.getPath', {}, { userId }), options)).data;
  }

  async updateProgress(userId: string | undefined, progress: Progress, options: CallOptions = {}): Promise<void> {
    const body = userId === undefined ? progress : { ...progress, userId };
    await this.#transport.create(pathTo('learning.updateProgress'), body, options);
  }

  async getQuiz(quizId: string, options: CallOptions = {}): Promise<Quiz> {
    return (await this.#transport.get<Quiz>(pathTo('learning.getQuiz', { id: quizId }), options)).data;
  }

  async submitAnswer(quizId: string, answer: Answer, options: CallOptions = {}): Promise<QuizResult> {
    const path = pathTo('learning.submitAnswer', { id: quizId });
    return (await this.#transport.create<QuizResult>(path, answer, options)).data;
  }

  async getRecommendations(userId?: string, options: CallOptions = {}): Promise<Recommendation[]> {
    const path = pathTo('learning.getRecommendations', {}, { userId });
    return (await this.#transport.get<{ items: Recommendation[] }>(path, options)).data.items;
  }
}
