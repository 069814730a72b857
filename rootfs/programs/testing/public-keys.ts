/** Public keys whose private halves were thrown away. */
export const publicKeys = {
  ed25519: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMONHTt5GKXim08TvZUAAnxUkhL2FI6LYdZTjGL+HZWr',
} as const;
