"""Notebook 16: does a refusal hold under pressure?"""
