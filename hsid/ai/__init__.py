"""Seeing and judging: detectors, analysts, and the rules that turn a score into a level."""
