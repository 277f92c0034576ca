"""A numeric loop of one to two seconds that makes no system calls."""

total = 0
for number in range(12_000_000):
    total = (total + number * number) % 1_000_003
print(total)
