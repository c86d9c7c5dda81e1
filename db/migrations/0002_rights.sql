CREATE TABLE `erased_answers` (
	`id` text PRIMARY KEY NOT NULL,
	`issue_id` text NOT NULL,
	`answer` text,
	`no_on` text
);
--> statement-breakpoint
CREATE INDEX `erased_answers_issue` ON `erased_answers` (`issue_id`);--> statement-breakpoint
CREATE TABLE `owner_answers` (
	`id` text PRIMARY KEY NOT NULL,
	`reopening_id` text NOT NULL,
	`by` text NOT NULL,
	`words` text NOT NULL,
	`done_by` text,
	`at` integer NOT NULL,
	FOREIGN KEY (`reopening_id`) REFERENCES `reopenings`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `owner_answers_reopening` ON `owner_answers` (`reopening_id`);--> statement-breakpoint
CREATE TABLE `promises` (
	`id` text PRIMARY KEY NOT NULL,
	`person_id` text NOT NULL,
	`rejoin_id` text NOT NULL,
	`what` text NOT NULL,
	`owner` text NOT NULL,
	`due_on` text NOT NULL,
	`kept_at` integer,
	`kept_by` text,
	`note` text,
	`alerted_at` integer,
	`cancelled_at` integer,
	FOREIGN KEY (`person_id`) REFERENCES `persons`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`rejoin_id`) REFERENCES `rejoins`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `promises_rejoin_what` ON `promises` (`rejoin_id`,`what`);--> statement-breakpoint
CREATE INDEX `promises_due` ON `promises` (`kept_at`,`due_on`);--> statement-breakpoint
CREATE TABLE `holds` (
	`id` text PRIMARY KEY NOT NULL,
	`issue_id` text NOT NULL,
	`because` text NOT NULL,
	`reopening_id` text,
	`by` text,
	`at` integer NOT NULL,
	`released_at` integer,
	`released_by` text,
	`released_because` text
);
--> statement-breakpoint
CREATE UNIQUE INDEX `holds_reopeningId_unique` ON `holds` (`reopening_id`);--> statement-breakpoint
CREATE INDEX `holds_issue` ON `holds` (`issue_id`,`released_at`);--> statement-breakpoint
CREATE TABLE `window_overrides` (
	`person_id` text PRIMARY KEY NOT NULL,
	`reason` text NOT NULL,
	`by` text NOT NULL,
	`at` integer NOT NULL,
	FOREIGN KEY (`person_id`) REFERENCES `persons`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE TABLE `erased_ids` (
	`hash` blob PRIMARY KEY NOT NULL
);
--> statement-breakpoint
CREATE TABLE `erased_people` (
	`issue_id` text NOT NULL,
	`kind` text NOT NULL,
	`people` integer NOT NULL,
	PRIMARY KEY(`issue_id`, `kind`)
);
--> statement-breakpoint
CREATE TABLE `erasures` (
	`id` text PRIMARY KEY NOT NULL,
	`at` integer NOT NULL,
	`folded_at` integer
);
--> statement-breakpoint
ALTER TABLE `checkins` ADD `follow_up_of` text;--> statement-breakpoint
ALTER TABLE `reopenings` ADD `answered_at` integer;--> statement-breakpoint
ALTER TABLE `reopenings` ADD `escalated_at` integer;--> statement-breakpoint
CREATE INDEX `reopenings_open` ON `reopenings` (`settled_at`,`due_on`);--> statement-breakpoint
ALTER TABLE `links` ADD `batch_id` text;--> statement-breakpoint
CREATE INDEX `links_batch` ON `links` (`batch_id`);--> statement-breakpoint
ALTER TABLE `complaints` ADD `concerns` text;--> statement-breakpoint
ALTER TABLE `codes` ADD `new_address` text;