/** Routes that belong to MLflow's API, whose clients read errors in its form. */
export function isTrackingPath(path: string): boolean {
  return /^\/api\/[23]\.0\/mlflow/.test(path);
}
