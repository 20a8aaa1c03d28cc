"""Figures: ROUGE with its floors, the abnormal-only rule, an independent auditor, the critic's benchmark, speed."""
