/** Faults in replies that are sealed with the right key: a KDC that is broken or hostile. */
import { TICKET_FLAGS } from '../../messages/flags.js';
import { changeEncPart, changeRep, changeTicket } from './changes.js';
import { AS, BOTH, type Fault, TGS } from './fault.js';

const RC4 = 23;
const HOUR = 3600;
const DAY = 24 * HOUR;
const OTHER_NAME = { nameType: 1, nameString: ['mallory'] };
const NOWHERE = { nameType: 2, nameString: ['krbtgt', 'NOWHERE.TEST'] };

const shiftedClock = changeEncPart(({ authtime, starttime }) => ({
  authtime: authtime + 2 * HOUR,
  starttime: starttime! + 2 * HOUR,
}));

/** What a reply can claim. */
export const FAULTS_IN_REPLIES: readonly Fault[] = [
  {
    name: 'wrong-message-type',
    does: 'puts the message type of another message into the reply',
    during: BOTH,
    expected: 'ERR_REPLY_MSG_TYPE',
    hooks: () => changeRep(({ msgType }) => ({ msgType: msgType === 11 ? 13 : 11 })),
  },
  {
    name: 'wrong-nonce',
    does: 'answers with another nonce',
    during: BOTH,
    expected: 'ERR_REPLY_NONCE',
    hooks: () => changeEncPart(({ nonce }) => ({ nonce: nonce ^ 1 })),
  },
  {
    name: 'wrong-client',
    does: 'gives the ticket of another client',
    during: BOTH,
    expected: 'ERR_REPLY_CNAME',
    hooks: () => changeRep(() => ({ cname: OTHER_NAME })),
  },
  {
    name: 'wrong-client-realm',
    does: 'gives the ticket of a client of another realm',
    during: BOTH,
    expected: 'ERR_REPLY_CREALM',
    hooks: () => changeRep(() => ({ crealm: 'NOWHERE.TEST' })),
  },
  {
    name: 'wrong-server-inside',
    does: 'names another service in the encrypted part',
    during: BOTH,
    expected: 'ERR_REPLY_SNAME',
    hooks: () => changeEncPart(() => ({ sname: OTHER_NAME })),
  },
  {
    name: 'wrong-server-realm',
    does: 'names another realm in the encrypted part',
    during: BOTH,
    expected: 'ERR_REPLY_SREALM',
    hooks: () => changeEncPart(() => ({ srealm: 'NOWHERE.TEST' })),
  },
  {
    name: 'wrong-server-outside',
    does: 'labels the ticket with another service',
    during: BOTH,
    expected: 'ERR_REPLY_TICKET_NAME',
    hooks: () => changeTicket(() => ({ sname: OTHER_NAME })),
  },
  {
    name: 'downgrade-session-key',
    does: 'gives a session key of an encryption type that the client refuses (rc4-hmac)',
    during: BOTH,
    expected: 'ERR_REPLY_ETYPE',
    hooks: () => changeEncPart(() => ({ key: { keytype: RC4, keyvalue: new Uint8Array(16) } })),
  },
  {
    name: 'downgrade-reply',
    does: 'seals the reply in an encryption type that the client refuses (rc4-hmac)',
    during: BOTH,
    expected: 'ERR_REPLY_ETYPE',
    hooks: () => changeRep(({ encPart }) => ({ encPart: { ...encPart, etype: RC4 } })),
  },
  {
    name: 'shifted-clock',
    does: 'issues the ticket by a clock that is two hours ahead',
    during: BOTH,
    expected: 'ERR_CLOCK_SKEW',
    hooks: () => shiftedClock,
  },
  {
    name: 'shifted-clock-followed',
    does: 'issues the ticket by a clock that is two hours ahead; its time is authentic, so the client may go by it',
    during: AS,
    expected: undefined,
    libdefaults: { kdc_timesync: 'true' },
    hooks: () => shiftedClock,
  },
  {
    name: 'expired-ticket',
    does: 'gives a ticket that ends before it begins',
    during: BOTH,
    expected: 'ERR_REPLY_TIMES',
    hooks: () => changeEncPart(({ starttime }) => ({ endtime: starttime! - 1 })),
  },
  {
    name: 'longer-life',
    does: 'gives a ticket that lives longer than requested',
    during: BOTH,
    expected: 'ERR_REPLY_TIMES',
    hooks: () => changeEncPart(({ endtime }) => ({ endtime: endtime + 365 * DAY })),
  },
  {
    name: 'unrequested-addresses',
    does: 'binds the ticket to an address that was not asked for',
    during: BOTH,
    expected: 'ERR_REPLY_ADDRESSES',
    hooks: () => changeEncPart(() => ({ caddr: [{ addrType: 2, address: Uint8Array.of(192, 0, 2, 1) }] })),
  },
  {
    name: 'unrequested-flags',
    does: 'marks the ticket as forwarded, which was not asked for',
    during: AS,
    expected: 'ERR_REPLY_FLAGS',
    hooks: () => changeEncPart(({ flags }) => ({ flags: (flags | TICKET_FLAGS.forwarded) >>> 0 })),
  },
  {
    name: 'invalid-ticket',
    does: 'gives a ticket that is marked as invalid',
    during: BOTH,
    expected: 'ERR_REPLY_FLAGS',
    hooks: () => changeEncPart(({ flags }) => ({ flags: (flags | TICKET_FLAGS.invalid) >>> 0 })),
  },
  {
    name: 'referral-nowhere',
    does: 'refers to a realm that nobody knows',
    during: TGS,
    expected: 'ERR_KDC_UNKNOWN',
    hooks: () => ({
      ...changeEncPart(() => ({ sname: NOWHERE })),
      ...changeTicket(() => ({ sname: NOWHERE })),
    }),
  },
  {
    name: 'referral-to-itself',
    does: 'answers every request with a ticket-granting ticket of its own realm',
    during: TGS,
    expected: 'ERR_REPLY_SNAME',
    hooks: ({ realm }) => ({ sname: () => ({ nameType: 2, nameString: ['krbtgt', realm] }) }),
  },
  {
    name: 'referral-loop',
    does: 'refers to another realm, whose KDC refers back',
    during: TGS,
    expected: 'ERR_REFERRAL',
    hooks: (scene) => ({
      sname: (sname) => {
        const peer = scene.peer();
        return peer === undefined ? sname : { nameType: 2, nameString: ['krbtgt', peer] };
      },
    }),
  },
];
