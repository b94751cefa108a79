/** Signing a statement, never two of one block. */
import type { PrivateKeyAccount } from 'viem/accounts'
import { hashStatement, type Signed, type Statement, typedStatement } from '../statement.ts'
import type { Store } from '../store.ts'

/** The journal is on disk before the signature exists. Throws SignedBefore if it says that another was signed. */
export async function sign(
  { signOnce }: Pick<Store, 'signOnce'>,
  { signTypedData }: Pick<PrivateKeyAccount, 'signTypedData'>,
  statement: Statement,
): Promise<Signed> {
  signOnce(statement, hashStatement(statement))
  return { statement, signature: await signTypedData(typedStatement(statement)) }
}
