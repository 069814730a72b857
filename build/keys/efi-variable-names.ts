/** The variables of Secure Boot. */
export const efiVariableNames = ['PK', 'KEK', 'db', 'dbx'] as const;
export type EfiVariableName = (typeof efiVariableNames)[number];
