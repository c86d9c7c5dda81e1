import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bucketOf, mistakesPerMinute, networks, visitorAddress } from '../src/limits.ts';

const NONE = networks([]);
const PROXIES = networks(['127.0.0.1', '10.0.0.0/8', 'fd00::/8']);
const at = (seconds: number) => new Date(1_800_000_000_000 + seconds * 1000);

describe('who the visitor is', () => {
  test.each([
    ['nobody in between', '203.0.113.5', undefined, NONE, '203.0.113.5'],
    ['a header from somebody we don’t trust', '203.0.113.5', '198.51.100.1', NONE, '203.0.113.5'],
    ['our proxy says who', '127.0.0.1', '198.51.100.1', PROXIES, '198.51.100.1'],
    ['through two of ours', '127.0.0.1', '198.51.100.1, 10.1.2.3', PROXIES, '198.51.100.1'],
    ['made up in front of the true one', '127.0.0.1', '192.0.2.1, 198.51.100.1', PROXIES, '198.51.100.1'],
    ['our own address made up in front', '127.0.0.1', '10.0.0.9, 198.51.100.1', PROXIES, '198.51.100.1'],
    ['nonsense', '127.0.0.1', 'unknown, <script>', PROXIES, '127.0.0.1'],
    ['an IPv4 address inside IPv6', '::ffff:127.0.0.1', '198.51.100.1', PROXIES, '198.51.100.1'],
    ['IPv6', 'fd00::1', '2001:db8::7', PROXIES, '2001:db8::7'],
  ])('%s', (_, socket, forwarded, proxies, who) => {
    expect(visitorAddress(socket, forwarded, proxies)).toBe(who);
  });

  test('whatever a visitor writes into the header, the proxy’s last word stands', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string())), (made) => {
        const forwarded = [...made.map((one) => one.replaceAll(',', '')), '198.51.100.1'].join(', ');
        expect(visitorAddress('127.0.0.1', forwarded, PROXIES)).toBe('198.51.100.1');
      }),
      { numRuns: 1000 },
    );
  });

  test('an IPv6 visitor is their /64, however the address is written', () => {
    const same = ['2001:db8:1:2::1', '2001:0db8:0001:0002:ffff::9', '2001:DB8:1:2:3:4:5:6'];
    expect(new Set(same.map(bucketOf))).toEqual(new Set(['2001:db8:1:2']));
    expect(bucketOf('2001:db8:1:3::1')).not.toBe('2001:db8:1:2');
    expect(bucketOf('::1')).toBe('0:0:0:0');
    expect(bucketOf('203.0.113.5')).toBe('203.0.113.5');
  });
});

describe('how often one may be wrong', () => {
  test('twenty in a minute, then a pause until the minute is over; the next minute is a new one', () => {
    const limit = mistakesPerMinute(20);
    for (let mistake = 0; mistake < 20; mistake += 1) {
      expect(limit.blockedFor('a', at(mistake))).toBeNull();
      limit.count('a', at(mistake));
    }
    expect(limit.blockedFor('a', at(20))).toBe(40);
    expect(limit.blockedFor('b', at(20))).toBeNull();
    expect(limit.blockedFor('a', at(60))).toBeNull();
  });

  test('it can’t be filled up: the one that was quiet longest is forgotten', () => {
    const limit = mistakesPerMinute(1, 60_000, 1000);
    for (let who = 0; who < 5000; who += 1) limit.count(`v${who}`, at(0));
    expect(limit.blockedFor('v0', at(1))).toBeNull();
    expect(limit.blockedFor('v4999', at(1))).toBe(59);
  });
});
