// Added to what @jupyter/builder sets up: TypeScript is read as it is, without a step before.
module.exports = {
  module: {
    rules: [
      {
        test: /\.tsx?$/,
        type: 'javascript/auto',
        use: {
          loader: 'builtin:swc-loader',
          options: {
            jsc: {
              parser: { syntax: 'typescript', tsx: true },
              // React itself is Lab's own; its other entry points are not shared.
              transform: { react: { runtime: 'classic' } },
              target: 'es2022'
            }
          }
        }
      }
    ]
  }
};
