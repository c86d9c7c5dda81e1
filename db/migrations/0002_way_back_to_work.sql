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
CREATE UNIQUE INDEX `talks_person_role` ON `talks` (`person_id`,`role_id`);