CREATE TABLE `merges` (
	`id` text PRIMARY KEY NOT NULL,
	`older_id` text NOT NULL,
	`newer_id` text NOT NULL,
	`proposed_at` integer NOT NULL,
	`kept_id` text,
	`emptied_id` text,
	`undo` text,
	`merged_at` integer,
	`apart_at` integer,
	`by` text,
	FOREIGN KEY (`older_id`) REFERENCES `persons`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`newer_id`) REFERENCES `persons`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `merges_pair` ON `merges` (`older_id`,`newer_id`);--> statement-breakpoint
CREATE INDEX `merges_newer` ON `merges` (`newer_id`);--> statement-breakpoint
CREATE INDEX `merges_emptied` ON `merges` (`emptied_id`);--> statement-breakpoint
CREATE INDEX `merges_open` ON `merges` (`merged_at`,`apart_at`,`proposed_at`);