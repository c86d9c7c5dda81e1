import { normaliseAddress } from '../suppression.ts';
import { type Problem, showable } from './cells.ts';
import { type Known, personKey, viaKey } from './known.ts';
import type { IntakeRow } from './rows.ts';

const ERASED = 'This person had everything about them erased. They are not taken in again.';

/** Why a row that can be read is not taken in, by what is known already; null when it is. */
export function refusalOf(known: Known, row: IntakeRow): Problem | null {
  const { person, via, signal, complaints } = row;
  const owner = known.persons.get(personKey(person));
  if (via) {
    const found = known.via.get(viaKey(via.kind, via.externalId));
    const unknown = `No ${via.kind} with this id is known. Import the file that holds it first.`;
    const sentence = found === undefined ? unknown : `More than one person has a ${via.kind} with this id.`;
    if (!found) return { column: via.kind, value: showable('person_id', via.externalId), sentence };
  } else if (!owner && (row.knownOnly || (signal && complaints.length === 0))) {
    const sentence = 'Nobody with this id is known. Import the people first.';
    return { column: 'person_id', value: showable('person_id', person.externalId), sentence };
  }
  if (person.email && known.suppressed.get(normaliseAddress(person.email)) === 'erased') {
    return { column: 'email', value: null, sentence: ERASED };
  }
  if (!via && known.isErased(person)) return { column: 'person_id', value: null, sentence: ERASED };
  for (const { ref } of complaints) {
    const complaint = known.complaints.get(ref);
    if (!complaint || complaint.personId === owner?.id) continue;
    const sentence = 'This complaint is already known as another person’s.';
    return { column: 'complaint_id', value: showable('complaint_id', ref), sentence };
  }
  return null;
}
