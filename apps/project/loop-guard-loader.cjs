/** For Temporal's bundler: passes the sources of lifecycles through `guardLoops`. */
module.exports = function loopGuardLoader(source) {
  return this.getOptions().guard(source, this.resourcePath);
};
