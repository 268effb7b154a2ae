/** Runs an exchange to its end by answering its questions. */

import type { Key } from '../crypto/key.js';
import type { Answer, Exchange, KdcQuestion, KeyQuestion } from '../exchange/ask.js';

/** Who answers. */
export interface Answers {
  kdc(question: KdcQuestion): Promise<Uint8Array>;
  key(question: KeyQuestion): Promise<Key>;
}

/** The exchange's result. An error while answering ends the exchange with that error. */
export async function drive<Result>(exchange: Exchange<Result>, answers: Answers): Promise<Result> {
  let next = exchange.next();
  while (!next.done) {
    const question = next.value;
    let answer: Answer;
    try {
      answer = question.ask === 'kdc' ? await answers.kdc(question) : await answers.key(question);
    } catch (error) {
      exchange.return(undefined as never);
      throw error;
    }
    next = exchange.next(answer);
  }
  return next.value;
}
