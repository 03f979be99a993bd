"""From clips on disk to batches: layouts, index, video, faces, splits, loaders."""
