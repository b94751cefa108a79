/** The changes of `omnimargin whatif` as they are typed. */
import type { Ledger } from '@omnimargin/core/ledger'
import type { Change } from '@omnimargin/core/whatif'
import { ConfigError } from '@omnimargin/service/config'
import type { Deployment } from '@omnimargin/service/deployment'
import { chainNamed, decimalOf, feedNamed, listingNamed, marketNamed, tokenNamed } from '../names.ts'
import { FORMS, type Typed } from './forms.ts'

const EXAMPLES: Record<Change['kind'], string> = {
  trade: 'ETH-USD@trading:-10@1990',
  deposit: 'USDC@fast:500.25',
  withdraw: 'USDC@fast:500.25',
  shock: 'ETH/USD:-10%',
  lose: 'fast',
}
const WAD_DECIMALS = 18

/** What is named in the deployment, before anything is asked of a chain. Throws ConfigError with what is allowed. */
export function changesOf(deployment: Deployment, typed: readonly Typed[]): ((ledger: Ledger) => Change)[] {
  return typed.map((one) => changeOf(deployment, one))
}

function changeOf(deployment: Deployment, { option, text }: Typed): (ledger: Ledger) => Change {
  const whole = `--${option} ${text}`
  const parts = (form: RegExp): string[] => {
    const found = form.exec(text)
    if (found) return found.slice(1)
    throw new ConfigError(`${whole}: give it as ${FORMS[option]}, for example ${EXAMPLES[option]}.`)
  }
  switch (option) {
    case 'trade': {
      const [name = '', sign, digits = '', at] = parts(/^([^:]+):([+-]?)([^@]+)(?:@(.+))?$/)
      const market = marketNamed(deployment, whole, name)
      const size = decimalOf(whole, digits, WAD_DECIMALS)
      const price = at === undefined ? undefined : decimalOf(whole, at, WAD_DECIMALS)
      return () => ({ kind: 'trade', market, size: sign === '-' ? -size : size, price })
    }
    case 'deposit':
    case 'withdraw': {
      const [name = '', digits = ''] = parts(/^([^:]+):(.+)$/)
      const token = tokenNamed(deployment, whole, name)
      const units = decimalOf(whole, digits, token.decimals)
      return (ledger) => ({ kind: option, listing: listingNamed(ledger, token), units })
    }
    case 'shock': {
      const [name = '', sign, digits = ''] = parts(/^([^:]+):([+-]?)(.+)%$/)
      const feed = feedNamed(deployment, whole, name)
      const ratio = decimalOf(whole, digits, WAD_DECIMALS - 2)
      return () => ({ kind: 'shock', feed, ratio: sign === '-' ? -ratio : ratio })
    }
    case 'lose': {
      const chainId = BigInt(chainNamed(deployment, whole, text).chainId)
      return () => ({ kind: 'lose', chainId })
    }
  }
}
