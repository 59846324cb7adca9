// Services
//
// The five services as the rest of the world names them. The signatures are fixed: method
// names, parameters and their order. What the HTTP proxies accept beyond them stands in
// `service-options.ts`.
import type {
  AnalysisContext,
  Blackboard,
  CodeAnalysis,
  Conversation,
  Knowledge,
  Message,
  Response,
  Solution,
  Suggestion,
  SuggestionInput,
  Token,
} from './ai.ts';
import type { AuthToken, Credentials, Session, TokenValidation } from './auth.ts';
import type { Answer, LearningPath, Progress, Quiz, QuizResult, Recommendation } from './learning.ts';
import type { SimilarItem } from './memory.ts';
import type { ClaimToken, CreateProjectDTO, Project, UpdateProjectDTO } from './projects.ts';

/** Who somebody is, and until when. */
export interface IAuthService {
  authenticate(credentials: Credentials): Promise<AuthToken>;
  validateToken(token: string): Promise<TokenValidation>;
  refreshToken(refreshToken: string): Promise<AuthToken>;
  revokeToken(token: string): Promise<void>;

  // Session management
  createSession(userId: string): Promise<Session>;
  validateSession(sessionId: string): Promise<boolean>;
  terminateSession(sessionId: string): Promise<void>;
}

/** Projects, who may edit them and who is editing. */
export interface IProjectService {
  // CRUD operations
  create(data: CreateProjectDTO): Promise<Project>;
  findById(id: string): Promise<Project>;
  update(id: string, data: UpdateProjectDTO): Promise<Project>;
  delete(id: string): Promise<void>;

  // Claim/Release pattern
  claim(projectId: string, userId: string): Promise<ClaimToken>;
  release(token: ClaimToken): Promise<void>;
  isLocked(projectId: string): Promise<boolean>;

  // Collaboration
  addCollaborator(projectId: string, userId: string): Promise<void>;
  removeCollaborator(projectId: string, userId: string): Promise<void>;
}

/** Specialists on code, their blackboards, and conversations. */
export interface IAIGatewayService {
  // Analysis operations
  analyzeCode(code: string, context: AnalysisContext): Promise<CodeAnalysis>;
  generateSuggestions(input: SuggestionInput): Promise<Suggestion[]>;

  // Blackboard collaboration
  initializeBlackboard(problemId: string): Promise<Blackboard>;
  contributeKnowledge(blackboardId: string, knowledge: Knowledge): Promise<void>;
  synthesizeSolution(blackboardId: string): Promise<Solution>;

  // Chat operations
  startConversation(userId: string): Promise<Conversation>;
  sendMessage(conversationId: string, message: Message): Promise<Response>;
  streamResponse(conversationId: string): AsyncGenerator<Token>;
}

/** What somebody has learned, and what comes next. */
export interface ILearningService {
  // Learning paths
  getPath(userId: string): Promise<LearningPath>;
  updateProgress(userId: string, progress: Progress): Promise<void>;

  // Quiz management
  getQuiz(quizId: string): Promise<Quiz>;
  submitAnswer(quizId: string, answer: Answer): Promise<QuizResult>;
  getRecommendations(userId: string): Promise<Recommendation[]>;
}

/** Values by key, vectors by nearness. */
export interface IMemoryService {
  // Storage operations
  // biome-ignore lint/suspicious/noExplicitAny: the published signature has it.
  store(key: string, data: any, ttl?: number): Promise<void>;
  // biome-ignore lint/suspicious/noExplicitAny: the published signature has it.
  retrieve(key: string): Promise<any>;
  delete(key: string): Promise<void>;

  // Vector operations (for AI)
  storeEmbedding(id: string, vector: number[]): Promise<void>;
  findSimilar(vector: number[], limit: number): Promise<SimilarItem[]>;

  // Distributed cache
  invalidate(pattern: string): Promise<void>;
  flush(): Promise<void>;
}
