import { GanglionError } from '@ganglion/core';
import type { FastifyInstance } from 'fastify';
import type { Trainer } from '../../training/trainer.ts';
import type { Api } from '../api.ts';
import { actorOf } from '../auth.ts';
import { answers } from './route.ts';

/** When models are trained anew, and a run that is asked for. What is run is in the plan of the daemon, and never comes over HTTP. */
export function trainingRoutes(app: FastifyInstance, api: Api): void {
  const trainer = (): Trainer => {
    if (api.trainer !== undefined) return api.trainer;
    throw new GanglionError('unsupported', 'this daemon trains no models', {
      mend: 'Start the daemon of the root with --training FILE.',
    });
  };
  app.get('/v1/training', {
    config: { access: 'read' },
    schema: {
      operationId: 'training',
      tags: ['models'],
      summary: 'When each model is trained anew, and what came of it',
      description:
        'The last run of each model is known after a restart, too. Its outcome is promoted, first, unchanged, rejected, failed or interrupted; every run is in the audit as model.train.OUTCOME.',
      response: answers('The models of the plan.', {
        type: 'array',
        items: { type: 'object', additionalProperties: true },
      }),
    },
    handler: async () => trainer().status(),
  });
  app.post<{ Params: { model: string }; Body: { reason: string } }>('/v1/models/:model/retrain', {
    config: { access: 'control' },
    schema: {
      operationId: 'retrain',
      tags: ['models'],
      summary: 'Train a model anew, in the first window that is free for it',
      description: 'Audited before it is asked for.',
      body: { $ref: 'RollbackRequest#' },
      response: answers('When it begins, or began.', undefined, 202),
    },
    handler: async (request, reply) => {
      const { model } = request.params;
      const { reason } = request.body;
      // A model that is not in the plan is refused below: nothing was done.
      if (
        trainer()
          .status()
          .some((each) => each.model === model)
      )
        await api.node.note({
          action: 'model.retrain',
          target: model,
          reason,
          by: actorOf(request.principal, api.node.name),
        });
      const { name } = request.principal;
      const answer = trainer().retrain(model, `${name}: ${reason}`, name);
      await trainer().saved();
      return reply.code(202).send(answer);
    },
  });
}
