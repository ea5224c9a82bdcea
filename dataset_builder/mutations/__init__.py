"""Parts of the table of bugs: edits of trees and of texts, where a mistake is, and how it is told."""
