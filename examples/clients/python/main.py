"""Prints the id of a key: python3 main.py COUNTER KEY"""
import sys

from next_id import next_id

print(next_id(*sys.argv[1:3]))
