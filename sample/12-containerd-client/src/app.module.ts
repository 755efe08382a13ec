import { Module } from '@nestjs/common';
import { TaskList } from './tasks/task-list.js';
import { TasksController } from './tasks/tasks.controller.js';

@Module({ controllers: [TasksController], providers: [TaskList] })
export class AppModule {}
