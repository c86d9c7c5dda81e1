CREATE TABLE `finished_items` (
	`id` text PRIMARY KEY NOT NULL,
	`person_id` text NOT NULL,
	`kind` text NOT NULL,
	`finished_on` text NOT NULL,
	`note` text,
	`source` text NOT NULL,
	`import_id` text,
	FOREIGN KEY (`person_id`) REFERENCES `persons`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `finished_items_person_kind` ON `finished_items` (`person_id`,`kind`);--> statement-breakpoint
CREATE TABLE `releases` (
	`complaint_id` text PRIMARY KEY NOT NULL,
	`by` text NOT NULL,
	`at` integer NOT NULL,
	FOREIGN KEY (`complaint_id`) REFERENCES `complaints`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE TABLE `role_offers` (
	`id` text PRIMARY KEY NOT NULL,
	`person_id` text NOT NULL,
	`version` integer NOT NULL,
	`role_id` text NOT NULL,
	`role_hash` text NOT NULL,
	`start_on` text NOT NULL,
	`pay_band` text NOT NULL,
	`service_from` text,
	`terms` text NOT NULL,
	`terms_hash` text NOT NULL,
	`answer_by` text NOT NULL,
	`issued_by` text NOT NULL,
	`issued_at` integer NOT NULL,
	`replaced_at` integer,
	`accepted_at` integer,
	`accepted_name` text,
	`accepted_hash` text,
	`declined_at` integer,
	`withdrawn_at` integer,
	`withdrawn_by` text,
	FOREIGN KEY (`person_id`) REFERENCES `persons`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `role_offers_person_version` ON `role_offers` (`person_id`,`version`);--> statement-breakpoint
CREATE TABLE `steps` (
	`id` text PRIMARY KEY NOT NULL,
	`offer_id` text NOT NULL,
	`item_id` text NOT NULL,
	`owner` text,
	`due_on` text NOT NULL,
	`task_hash` blob,
	`done_at` integer,
	`done_by` text,
	`content_hash` text,
	`reminded_at` integer,
	FOREIGN KEY (`offer_id`) REFERENCES `role_offers`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `steps_taskHash_unique` ON `steps` (`task_hash`);--> statement-breakpoint
CREATE UNIQUE INDEX `steps_offer_item` ON `steps` (`offer_id`,`item_id`);--> statement-breakpoint
CREATE INDEX `steps_due` ON `steps` (`done_at`,`due_on`);--> statement-breakpoint
CREATE TABLE `talks` (
	`id` text PRIMARY KEY NOT NULL,
	`person_id` text NOT NULL,
	`role_id` text NOT NULL,
	`asked_at` integer NOT NULL,
	FOREIGN KEY (`person_id`) REFERENCES `persons`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `talks_person_role` ON `talks` (`person_id`,`role_id`);--> statement-breakpoint
PRAGMA foreign_keys=OFF;--> statement-breakpoint
CREATE TABLE `__new_checkins` (
	`id` text PRIMARY KEY NOT NULL,
	`person_id` text NOT NULL,
	`rejoin_id` text,
	`role_offer_id` text,
	`complaint_id` text NOT NULL,
	`issue_id` text NOT NULL,
	`day` integer NOT NULL,
	`due_on` text NOT NULL,
	`follow_up_of` text,
	`asked_at` integer,
	`answer` text,
	`words` text,
	`answered_at` integer,
	`cancelled_at` integer,
	FOREIGN KEY (`person_id`) REFERENCES `persons`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`rejoin_id`) REFERENCES `rejoins`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`role_offer_id`) REFERENCES `role_offers`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`complaint_id`) REFERENCES `complaints`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
INSERT INTO `__new_checkins`("id", "person_id", "rejoin_id", "role_offer_id", "complaint_id", "issue_id", "day", "due_on", "follow_up_of", "asked_at", "answer", "words", "answered_at", "cancelled_at") SELECT "id", "person_id", "rejoin_id", NULL, "complaint_id", "issue_id", "day", "due_on", "follow_up_of", "asked_at", "answer", "words", "answered_at", "cancelled_at" FROM `checkins`;--> statement-breakpoint
DROP TABLE `checkins`;--> statement-breakpoint
ALTER TABLE `__new_checkins` RENAME TO `checkins`;--> statement-breakpoint
PRAGMA foreign_keys=ON;--> statement-breakpoint
CREATE UNIQUE INDEX `checkins_rejoin_day` ON `checkins` (`rejoin_id`,`day`);--> statement-breakpoint
CREATE UNIQUE INDEX `checkins_role_offer_day` ON `checkins` (`role_offer_id`,`day`);--> statement-breakpoint
CREATE INDEX `checkins_due` ON `checkins` (`asked_at`,`due_on`);--> statement-breakpoint
CREATE INDEX `checkins_issue` ON `checkins` (`issue_id`,`answered_at`);--> statement-breakpoint
CREATE TABLE `__new_promises` (
	`id` text PRIMARY KEY NOT NULL,
	`person_id` text NOT NULL,
	`rejoin_id` text,
	`role_offer_id` text,
	`what` text NOT NULL,
	`owner` text NOT NULL,
	`due_on` text NOT NULL,
	`kept_at` integer,
	`kept_by` text,
	`note` text,
	`alerted_at` integer,
	`cancelled_at` integer,
	FOREIGN KEY (`person_id`) REFERENCES `persons`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`rejoin_id`) REFERENCES `rejoins`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`role_offer_id`) REFERENCES `role_offers`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
INSERT INTO `__new_promises`("id", "person_id", "rejoin_id", "role_offer_id", "what", "owner", "due_on", "kept_at", "kept_by", "note", "alerted_at", "cancelled_at") SELECT "id", "person_id", "rejoin_id", NULL, "what", "owner", "due_on", "kept_at", "kept_by", "note", "alerted_at", "cancelled_at" FROM `promises`;--> statement-breakpoint
DROP TABLE `promises`;--> statement-breakpoint
ALTER TABLE `__new_promises` RENAME TO `promises`;--> statement-breakpoint
CREATE UNIQUE INDEX `promises_rejoin_what` ON `promises` (`rejoin_id`,`what`);--> statement-breakpoint
CREATE UNIQUE INDEX `promises_role_offer_what` ON `promises` (`role_offer_id`,`what`);--> statement-breakpoint
CREATE INDEX `promises_due` ON `promises` (`kept_at`,`due_on`);