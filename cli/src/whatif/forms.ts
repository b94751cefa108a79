/** How the changes of `omnimargin whatif` are typed. */
import type { Change } from '@omnimargin/core/whatif'

/** An option and its argument; their order is that of the command line. */
export type Typed = { readonly option: Change['kind']; readonly text: string }

export const FORMS: Record<Change['kind'], string> = {
  trade: 'MARKET@CHAIN:SIZE[@PRICE]',
  deposit: 'ASSET@CHAIN:AMOUNT',
  withdraw: 'ASSET@CHAIN:AMOUNT',
  shock: 'PRICE:PERCENT%',
  lose: 'CHAIN',
}
