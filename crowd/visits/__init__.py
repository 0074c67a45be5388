"""Somebody comes: who is it, which task is theirs, and how does the visit end?"""
