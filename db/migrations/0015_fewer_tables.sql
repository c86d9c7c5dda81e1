CREATE TABLE `keys` (
	`id` text PRIMARY KEY NOT NULL,
	`hash` blob NOT NULL,
	`purpose` text NOT NULL,
	`proof_id` text,
	`label` text NOT NULL,
	`created_by` text,
	`created_at` integer NOT NULL,
	`revoked_at` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `keys_hash_unique` ON `keys` (`hash`);--> statement-breakpoint
DROP INDEX `reopenings_issue`;--> statement-breakpoint
CREATE INDEX `reopenings_person` ON `reopenings` (`person_id`,`issue_id`);--> statement-breakpoint
DROP INDEX `holds_issue`;--> statement-breakpoint
CREATE INDEX `holds_standing` ON `holds` (`released_at`);--> statement-breakpoint
DROP INDEX `letters_leased`;--> statement-breakpoint
DROP INDEX `letters_handed`;--> statement-breakpoint
DROP INDEX `letters_batch`;--> statement-breakpoint
CREATE INDEX `letters_to` ON `letters` (`to_address`);--> statement-breakpoint
CREATE INDEX `letters_handed` ON `letters` (`handed_at`,`leased_until`);--> statement-breakpoint
CREATE INDEX `letters_batch` ON `letters` (`batch_id`) WHERE "letters"."batch_id" is not null;--> statement-breakpoint
DROP INDEX `links_batch`;--> statement-breakpoint
CREATE INDEX `links_checkin` ON `links` (`checkin_id`) WHERE "links"."checkin_id" is not null;--> statement-breakpoint
CREATE INDEX `links_batch` ON `links` (`batch_id`) WHERE "links"."batch_id" is not null;--> statement-breakpoint
DROP INDEX `complaints_issue_day`;--> statement-breakpoint
ALTER TABLE `complaints` ADD `released_at` integer;--> statement-breakpoint
ALTER TABLE `complaints` ADD `released_by` text;--> statement-breakpoint
CREATE INDEX `complaints_departure` ON `complaints` (`departure_id`) WHERE "complaints"."departure_id" is not null;--> statement-breakpoint
CREATE INDEX `complaints_issue_day` ON `complaints` (`issue_id`,`confidentiality`,`said_on`,`ref`) WHERE "complaints"."issue_id" is not null;--> statement-breakpoint
PRAGMA foreign_keys=OFF;--> statement-breakpoint
CREATE TABLE `__new_people_counts` (
	`issue_id` text NOT NULL,
	`kind` text NOT NULL,
	`people` integer NOT NULL,
	`erased` integer DEFAULT 0 NOT NULL,
	`counted_at` integer,
	PRIMARY KEY(`issue_id`, `kind`)
);
--> statement-breakpoint
INSERT INTO `__new_people_counts`("issue_id", "kind", "people", "erased", "counted_at") SELECT p."issue_id", p."kind", p."people", coalesce(e."people", 0), p."counted_at" FROM `people_counts` p LEFT JOIN `erased_people` e ON e."issue_id" = p."issue_id" AND e."kind" = p."kind";--> statement-breakpoint
INSERT OR IGNORE INTO `__new_people_counts`("issue_id", "kind", "people", "erased", "counted_at") SELECT "issue_id", "kind", 0, "people", NULL FROM `erased_people`;--> statement-breakpoint
DROP TABLE `people_counts`;--> statement-breakpoint
ALTER TABLE `__new_people_counts` RENAME TO `people_counts`;--> statement-breakpoint
PRAGMA foreign_keys=ON;--> statement-breakpoint
CREATE INDEX `checkins_person` ON `checkins` (`person_id`);--> statement-breakpoint
CREATE INDEX `checkins_complaint` ON `checkins` (`complaint_id`);--> statement-breakpoint
CREATE INDEX `promises_person` ON `promises` (`person_id`);--> statement-breakpoint
CREATE INDEX `corrections_complaint` ON `corrections` (`complaint_id`);--> statement-breakpoint
CREATE INDEX `payment_events_subscription` ON `payment_events` (`subscription_id`) WHERE "payment_events"."subscription_id" is not null;--> statement-breakpoint
ALTER TABLE `choosings` DROP COLUMN `opened_by`;--> statement-breakpoint
INSERT INTO `keys`("id", "hash", "purpose", "proof_id", "label", "created_by", "created_at", "revoked_at") SELECT "id", "hash", 'measurements', "proof_id", "label", "created_by", "created_at", "revoked_at" FROM `measuring_keys`;--> statement-breakpoint
INSERT INTO `keys`("id", "hash", "purpose", "label", "created_at", "revoked_at") SELECT "id", "hash", 'bounces', "label", "created_at", "revoked_at" FROM `bounce_keys`;--> statement-breakpoint
UPDATE `complaints` SET "released_at" = r."at", "released_by" = r."by" FROM `releases` r WHERE r."complaint_id" = `complaints`."id";--> statement-breakpoint
DROP TABLE `bounce_keys`;--> statement-breakpoint
DROP TABLE `measuring_keys`;--> statement-breakpoint
DROP TABLE `erased_people`;--> statement-breakpoint
DROP TABLE `releases`;
