import { Controller, Get, Sse, type MessageEvent } from '@nestjs/common';
import { distinctUntilChanged, map, type Observable } from 'rxjs';
import { TaskList } from './task-list.js';
import type { LiveView } from './task-view.js';

/** What the page asks for. */
@Controller('tasks')
export class TasksController {
  constructor(private readonly list: TaskList) {}

  @Get()
  now(): LiveView {
    return this.list.live.value;
  }

  @Sse('live')
  live(): Observable<MessageEvent> {
    return this.list.live.pipe(
      map((view) => JSON.stringify(view)),
      distinctUntilChanged(),
      map((data) => ({ data })),
    );
  }
}
