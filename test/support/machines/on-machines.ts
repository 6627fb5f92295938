import { startCluster } from './cluster';

globalThis.startProductElsewhere = startCluster;
