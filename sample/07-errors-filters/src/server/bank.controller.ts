import { Controller, NotFoundException, UseGuards } from '@nestjs/common';
import { GrpcMethod } from '@nestjs/microservices';
import { StatusCode, TtrpcException } from 'nestjs-ttrpc';
import type { Receipt } from '../bank.js';
import { Accounts } from './accounts.js';
import { PasswordGuard } from './password.guard.js';
import { TransferDto } from './transfer.dto.js';

@Controller()
export class BankController {
  constructor(private readonly accounts: Accounts) {}

  @GrpcMethod('Bank')
  transfer({ from, to, amount }: TransferDto): Receipt {
    const missing = amount - this.balance(from);
    this.balance(to);
    if (missing > 0) {
      throw new TtrpcException({
        code: StatusCode.FailedPrecondition,
        message: `${from} is short of money`,
        details: [{ type: 'bank.Shortage', message: { missing } }],
      });
    }
    this.accounts.add(from, -amount);
    this.accounts.add(to, amount);
    return { text: `${from} gave ${to} ${amount}` };
  }

  @GrpcMethod('Bank')
  @UseGuards(PasswordGuard)
  audit(): Receipt {
    throw new Error('the key to the vault is under the mat');
  }

  private balance(owner: string): number {
    const balance = this.accounts.balance(owner);
    if (balance === undefined) throw new NotFoundException(`${owner} has no account`);
    return balance;
  }
}
