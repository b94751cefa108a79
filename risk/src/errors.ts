/** What was given cannot be used. The message names the place and what to do; asking again does not help. */
export class InputError extends Error {
  readonly retry = false

  constructor(message: string) {
    super(message)
    this.name = 'InputError'
  }
}
