/** True when the path is a pattern: `*` stands for anything within a component, `**` for any depth. */
export function isPattern(path: string): boolean {
  return path.includes('*');
}

/** The expression that a pattern means; everything but `*` is literal. */
export function patternExpression(pattern: string): RegExp {
  const source = pattern
    .split(/(\*+)/)
    .map((part) => {
      if (part === '*') return '[^/]*';
      return part.startsWith('*') ? '.*' : part.replace(/[\\^$.|?+()[\]{}]/g, '\\$&');
    })
    .join('');
  return new RegExp(`^${source}$`);
}
