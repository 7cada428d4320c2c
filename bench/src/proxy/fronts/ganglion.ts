import { createProxy } from '../../../../packages/server/src/proxy/proxy.ts';
import { inTurn, ready } from './argument.ts';

// Round robin, as the others: what is compared is the transport, not the choice.
const next = inTurn();
const proxy = createProxy({
  chooser: { choose: () => ({ arm: 'any', origin: next(), done() {} }) },
  onError: (error) => process.stderr.write(`${error}\n`),
});
ready((await proxy.listen({ port: 0 })).port);
