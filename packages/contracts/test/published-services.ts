// The published block of the service interfaces, word for word; only this import is added.
// biome-ignore-all lint/suspicious/noExplicitAny: it is quoted.
// biome-ignore-all format: it is quoted.
import type {
  AnalysisContext,
  Answer,
  AuthToken,
  Blackboard,
  ClaimToken,
  CodeAnalysis,
  Conversation,
  CreateProjectDTO,
  Credentials,
  Knowledge,
  LearningPath,
  Message,
  Progress,
  Project,
  Quiz,
  QuizResult,
  Recommendation,
  Response,
  Session,
  SimilarItem,
  Solution,
  Suggestion,
  SuggestionInput,
  Token,
  TokenValidation,
  UpdateProjectDTO,
} from '@devmentor/contracts';

// contracts/IAuthService.ts
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

// contracts/IProjectService.ts
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

// contracts/IAIGatewayService.ts
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

// contracts/ILearningService.ts
export interface ILearningService {
  // Learning paths
  getPath(userId: string): Promise<LearningPath>;
  updateProgress(userId: string, progress: Progress): Promise<void>;
  
  // Quiz management
  getQuiz(quizId: string): Promise<Quiz>;
  submitAnswer(quizId: string, answer: Answer): Promise<QuizResult>;
  getRecommendations(userId: string): Promise<Recommendation[]>;
}

// contracts/IMemoryService.ts
export interface IMemoryService {
  // Storage operations
  store(key: string, data: any, ttl?: number): Promise<void>;
  retrieve(key: string): Promise<any>;
  delete(key: string): Promise<void>;
  
  // Vector operations (for AI)
  storeEmbedding(id: string, vector: number[]): Promise<void>;
  findSimilar(vector: number[], limit: number): Promise<SimilarItem[]>;
  
  // Distributed cache
  invalidate(pattern: string): Promise<void>;
  flush(): Promise<void>;
}
