CREATE TABLE `confirmations` (
	`id` text PRIMARY KEY NOT NULL,
	`proof_id` text NOT NULL,
	`person_id` text,
	`relation` text NOT NULL,
	`name` text NOT NULL,
	`address` text NOT NULL,
	`asked_by` text NOT NULL,
	`asked_at` integer NOT NULL,
	`expires_at` integer NOT NULL,
	`hash` blob,
	`answered_at` integer,
	`confirmed` integer,
	`shown_as` text,
	`how` text,
	FOREIGN KEY (`asked_by`) REFERENCES `staff`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `confirmations_hash_unique` ON `confirmations` (`hash`);--> statement-breakpoint
CREATE INDEX `confirmations_proof` ON `confirmations` (`proof_id`);--> statement-breakpoint
CREATE TABLE `drafts` (
	`id` text PRIMARY KEY NOT NULL,
	`collection` text NOT NULL,
	`document_id` text NOT NULL,
	`source` text NOT NULL,
	`assets` text NOT NULL,
	`revision` integer NOT NULL,
	`based_on` integer,
	`started_by` text NOT NULL,
	`started_at` integer NOT NULL,
	`saved_by` text NOT NULL,
	`saved_at` integer NOT NULL,
	`writers` text NOT NULL,
	`publish_at` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `drafts_document` ON `drafts` (`collection`,`document_id`);--> statement-breakpoint
CREATE INDEX `drafts_due` ON `drafts` (`publish_at`) WHERE "drafts"."publish_at" is not null;--> statement-breakpoint
CREATE TABLE `pictures` (
	`sha256` text PRIMARY KEY NOT NULL,
	`media_type` text NOT NULL,
	`width` integer NOT NULL,
	`height` integer NOT NULL,
	`bytes` blob NOT NULL,
	`added_by` text NOT NULL,
	`added_at` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `sign_offs` (
	`id` text PRIMARY KEY NOT NULL,
	`draft_id` text NOT NULL,
	`content_hash` text NOT NULL,
	`kind` text NOT NULL,
	`staff_id` text NOT NULL,
	`at` integer NOT NULL,
	`note` text,
	FOREIGN KEY (`draft_id`) REFERENCES `drafts`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`staff_id`) REFERENCES `staff`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `sign_offs_draft` ON `sign_offs` (`draft_id`,`at`);--> statement-breakpoint
CREATE TABLE `measurements` (
	`id` text PRIMARY KEY NOT NULL,
	`proof_id` text NOT NULL,
	`series_id` text NOT NULL,
	`measured_on` text NOT NULL,
	`value` real NOT NULL,
	`n` integer,
	`source_id` text NOT NULL,
	`sent_by` text NOT NULL,
	`received_at` integer NOT NULL,
	`previous_hash` text,
	`hash` text NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `measurements_source` ON `measurements` (`proof_id`,`series_id`,`source_id`);--> statement-breakpoint
CREATE UNIQUE INDEX `measurements_day` ON `measurements` (`proof_id`,`series_id`,`measured_on`);--> statement-breakpoint
CREATE TABLE `measuring_keys` (
	`id` text PRIMARY KEY NOT NULL,
	`hash` blob NOT NULL,
	`proof_id` text NOT NULL,
	`label` text NOT NULL,
	`created_by` text,
	`created_at` integer NOT NULL,
	`revoked_at` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `measuring_keys_hash_unique` ON `measuring_keys` (`hash`);--> statement-breakpoint
CREATE INDEX `measuring_keys_proof` ON `measuring_keys` (`proof_id`);--> statement-breakpoint
CREATE TABLE `audit` (
	`number` integer PRIMARY KEY NOT NULL,
	`at` integer NOT NULL,
	`staff_id` text,
	`action` text NOT NULL,
	`subject` text NOT NULL,
	`detail` text NOT NULL,
	`previous_hash` text,
	`hash` text NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `audit_hash_unique` ON `audit` (`hash`);--> statement-breakpoint
CREATE INDEX `audit_subject` ON `audit` (`subject`);--> statement-breakpoint
CREATE TABLE `staff` (
	`id` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`title` text NOT NULL,
	`address` text NOT NULL,
	`roles` text NOT NULL,
	`added_at` integer NOT NULL,
	`added_by` text,
	`left_at` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `staff_address_unique` ON `staff` (`address`);--> statement-breakpoint
CREATE TABLE `staff_sessions` (
	`hash` blob PRIMARY KEY NOT NULL,
	`staff_id` text NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer NOT NULL,
	`ends_at` integer NOT NULL,
	FOREIGN KEY (`staff_id`) REFERENCES `staff`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `staff_sessions_staff` ON `staff_sessions` (`staff_id`);--> statement-breakpoint
PRAGMA foreign_keys=OFF;--> statement-breakpoint
CREATE TABLE `__new_letters` (
	`id` text PRIMARY KEY NOT NULL,
	`cause` text NOT NULL,
	`kind` text NOT NULL,
	`person_id` text,
	`to_address` text NOT NULL,
	`from_name` text NOT NULL,
	`subject` text NOT NULL,
	`body` text NOT NULL,
	`mint` text NOT NULL,
	`created_at` integer NOT NULL,
	`not_before` integer NOT NULL,
	`leased_until` integer,
	`attempts` integer NOT NULL,
	`sent_at` integer,
	`held_because` text
);
--> statement-breakpoint
INSERT INTO `__new_letters`("id", "cause", "kind", "person_id", "to_address", "from_name", "subject", "body", "mint", "created_at", "not_before", "leased_until", "attempts", "sent_at", "held_because") SELECT "id", "cause", "kind", "person_id", "to_address", "from_name", "subject", "body", "mint", "created_at", "not_before", "leased_until", "attempts", "sent_at", "held_because" FROM `letters`;--> statement-breakpoint
DROP TABLE `letters`;--> statement-breakpoint
ALTER TABLE `__new_letters` RENAME TO `letters`;--> statement-breakpoint
PRAGMA foreign_keys=ON;--> statement-breakpoint
CREATE UNIQUE INDEX `letters_cause_unique` ON `letters` (`cause`);--> statement-breakpoint
CREATE INDEX `letters_due` ON `letters` (`sent_at`,`held_because`,`not_before`);--> statement-breakpoint
CREATE TABLE `__new_codes` (
	`id` text PRIMARY KEY NOT NULL,
	`person_id` text,
	`staff_id` text,
	`hash` blob,
	`asked_at` integer NOT NULL,
	`expires_at` integer NOT NULL,
	`tries_left` integer NOT NULL,
	`used_at` integer,
	FOREIGN KEY (`person_id`) REFERENCES `persons`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`staff_id`) REFERENCES `staff`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
INSERT INTO `__new_codes`("id", "person_id", "hash", "asked_at", "expires_at", "tries_left", "used_at") SELECT "id", "person_id", "hash", "asked_at", "expires_at", "tries_left", "used_at" FROM `codes`;--> statement-breakpoint
DROP TABLE `codes`;--> statement-breakpoint
ALTER TABLE `__new_codes` RENAME TO `codes`;--> statement-breakpoint
CREATE INDEX `codes_person` ON `codes` (`person_id`);--> statement-breakpoint
CREATE INDEX `codes_staff` ON `codes` (`staff_id`);