import { testArtifactStore } from '../../contracts/artifact-store';
import { testBucket } from '../../support/platform';

testArtifactStore('SeaweedFS', () => Promise.resolve(testBucket()));
