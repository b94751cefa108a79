/** A clearing's venues and vaults under one number, as it keeps what it knows of them. Twin of contracts/src/clearing/Peers.sol. */

/** Venue n is 2n, vault n is 2n + 1. */
export type Peer = number

export function venuePeer(venue: number): Peer {
  return 2 * venue
}

export function vaultPeer(vault: number): Peer {
  return 2 * vault + 1
}
