import { IsInt, IsNotEmpty, IsPositive } from 'class-validator';
import type { Transfer } from '../bank.js';

export class TransferDto implements Transfer {
  @IsNotEmpty()
  from!: string;

  @IsNotEmpty()
  to!: string;

  @IsInt()
  @IsPositive()
  amount!: number;
}
