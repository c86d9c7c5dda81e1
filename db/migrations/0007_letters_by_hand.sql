CREATE TABLE `batches` (
	`id` text PRIMARY KEY NOT NULL,
	`choice` text NOT NULL,
	`purpose` text NOT NULL,
	`by` text NOT NULL,
	`at` integer NOT NULL,
	`revoked_at` integer,
	`revoked_by` text
);
--> statement-breakpoint
CREATE TABLE `chosen` (
	`batch_id` text NOT NULL,
	`person_id` text NOT NULL,
	`as` text NOT NULL,
	`at` integer NOT NULL,
	PRIMARY KEY(`batch_id`, `person_id`),
	FOREIGN KEY (`batch_id`) REFERENCES `batches`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`person_id`) REFERENCES `persons`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `chosen_person` ON `chosen` (`person_id`);--> statement-breakpoint
ALTER TABLE `letters` ADD `signed_by` text;--> statement-breakpoint
ALTER TABLE `letters` ADD `batch_id` text;--> statement-breakpoint
ALTER TABLE `letters` ADD `bounced_at` integer;