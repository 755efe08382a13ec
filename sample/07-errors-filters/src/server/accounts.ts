import { Injectable } from '@nestjs/common';

/** Knows of no transport. */
export class AccountLocked extends Error {
  constructor(readonly owner: string) {
    super(`the account of ${owner} is locked`);
  }
}

@Injectable()
export class Accounts {
  private readonly balances = new Map([
    ['Ada', 100],
    ['Grace', 20],
    ['Mallory', 0],
  ]);

  /** @throws AccountLocked */
  balance(owner: string): number | undefined {
    if (owner === 'Mallory') throw new AccountLocked(owner);
    return this.balances.get(owner);
  }

  add(owner: string, amount: number): void {
    this.balances.set(owner, (this.balances.get(owner) ?? 0) + amount);
  }
}
