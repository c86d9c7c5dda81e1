ALTER TABLE `codes` ADD `browser` text;--> statement-breakpoint
CREATE INDEX `letters_person` ON `letters` (`person_id`);--> statement-breakpoint
CREATE INDEX `complaints_issue_day` ON `complaints` (`issue_id`,`confidentiality`,`said_on`,`ref`);