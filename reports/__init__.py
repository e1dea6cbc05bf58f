"""What people read: findings in, narratives, charts, pages and mail out. No I/O but the model file."""
