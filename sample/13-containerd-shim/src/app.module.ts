import { Module, type DynamicModule } from '@nestjs/common';
import { SHUTDOWN, type Shutdown } from './shutdown.js';
import { TaskController } from './task/task.controller.js';
import { Tasks } from './task/tasks.js';

@Module({ controllers: [TaskController] })
export class AppModule {
  static of(tasks: Tasks, shutDown: Shutdown): DynamicModule {
    const providers = [
      { provide: Tasks, useValue: tasks },
      { provide: SHUTDOWN, useValue: shutDown },
    ];
    return { module: AppModule, providers };
  }
}
