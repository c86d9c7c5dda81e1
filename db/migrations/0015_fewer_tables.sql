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
ALTER TABLE `complaints` ADD `released_at` integer;--> statement-breakpoint
ALTER TABLE `complaints` ADD `released_by` text;--> statement-breakpoint
ALTER TABLE `choosings` DROP COLUMN `opened_by`;--> statement-breakpoint
INSERT INTO `keys`("id", "hash", "purpose", "proof_id", "label", "created_by", "created_at", "revoked_at") SELECT "id", "hash", 'measurements', "proof_id", "label", "created_by", "created_at", "revoked_at" FROM `measuring_keys`;--> statement-breakpoint
INSERT INTO `keys`("id", "hash", "purpose", "label", "created_at", "revoked_at") SELECT "id", "hash", 'bounces', "label", "created_at", "revoked_at" FROM `bounce_keys`;--> statement-breakpoint
UPDATE `complaints` SET "released_at" = r."at", "released_by" = r."by" FROM `releases` r WHERE r."complaint_id" = `complaints`."id";--> statement-breakpoint
DROP TABLE `bounce_keys`;--> statement-breakpoint
DROP TABLE `measuring_keys`;--> statement-breakpoint
DROP TABLE `erased_people`;--> statement-breakpoint
DROP TABLE `releases`;
