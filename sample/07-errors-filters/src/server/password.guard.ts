import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { Metadata } from 'nestjs-ttrpc';

@Injectable()
export class PasswordGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const metadata = context.switchToRpc().getContext<Metadata>();
    return metadata.get('password').includes('swordfish');
  }
}
