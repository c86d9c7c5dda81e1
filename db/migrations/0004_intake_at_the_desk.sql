CREATE TABLE `import_fills` (
	`id` text PRIMARY KEY NOT NULL,
	`import_id` text NOT NULL,
	`person_id` text NOT NULL,
	`what` text NOT NULL,
	`row_id` text NOT NULL,
	`before` text NOT NULL,
	`after` text NOT NULL,
	FOREIGN KEY (`import_id`) REFERENCES `imports`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`person_id`) REFERENCES `persons`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `import_fills_import` ON `import_fills` (`import_id`);--> statement-breakpoint
CREATE INDEX `import_fills_person` ON `import_fills` (`person_id`);--> statement-breakpoint
CREATE TABLE `suggestions` (
	`complaint_id` text PRIMARY KEY NOT NULL,
	`issue_id` text,
	`gap` text,
	`share` real NOT NULL,
	`by` text NOT NULL,
	`because` text NOT NULL,
	`others` text NOT NULL,
	`learned_from` integer NOT NULL,
	`made_at` integer NOT NULL,
	`set_aside_at` integer,
	FOREIGN KEY (`complaint_id`) REFERENCES `complaints`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE TABLE `uploads` (
	`id` text PRIMARY KEY NOT NULL,
	`file_name` text NOT NULL,
	`mapping` text NOT NULL,
	`uploaded_by` text NOT NULL,
	`uploaded_at` integer NOT NULL,
	`report` text,
	`checked_at` integer,
	`asked_at` integer,
	`asked_by` text,
	`import_id` text,
	`finished_at` integer,
	`discarded_at` integer
);
--> statement-breakpoint
ALTER TABLE `complaints` ADD `facts` text;--> statement-breakpoint
ALTER TABLE `imports` ADD `undone_at` integer;