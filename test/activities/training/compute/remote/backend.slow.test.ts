import { testRemoteBackend } from '../../../../contracts/remote-backend';
import { processEngine } from '../../../../support/engine/process-engine';

const engine = processEngine();

afterAll(() => engine.close());

testRemoteBackend('of processes', () => engine);
