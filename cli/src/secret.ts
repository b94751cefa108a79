/** Keys and other secrets, each alone in a file that only its owner can read. */
import { readFileSync, statSync } from 'node:fs'
import { ConfigError } from '@omnimargin/service/config'
import { type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts'

/** Throws ConfigError unless the file holds a private key and nothing else. */
export function readKey(file: string): PrivateKeyAccount {
  return privateKeyToAccount(readSecret(file, /^0x[0-9a-fA-F]{64}$/) as `0x${string}`)
}

/** What a file holds that only its owner can read: nothing but one secret of that form. */
export function readSecret(file: string, form: RegExp): string {
  const { mode, text } = contentOf(file)
  if ((mode & 0o077) !== 0) throw new ConfigError(`Key file ${file}: others can read it: chmod 600 it.`)
  if (!form.test(text)) throw new ConfigError(`Key file ${file}: it must hold ${form} and nothing else.`)
  return text
}

function contentOf(file: string): { mode: number; text: string } {
  try {
    return { mode: statSync(file).mode, text: readFileSync(file, 'utf8').trim() }
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : cause
    throw new ConfigError(
      `Key file ${file}: cannot be read (${why}): name a file that is there, and that you may read.`,
    )
  }
}
