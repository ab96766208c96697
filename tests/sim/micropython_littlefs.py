# Runs on MicroPython: the operations of a JSON file on VfsLfs2 over a block device in memory.
# Prints a line of JSON for each, and the count of erases last.
import json
import sys

import vfs

with open(sys.argv[1]) as file:
    task = json.load(file)


class Device:
    def __init__(self, erase_bytes, blocks):
        self.erase_bytes = erase_bytes
        self.blocks = blocks
        self.image = bytearray(erase_bytes * blocks)
        self.erases = 0

    def readblocks(self, block, buffer, offset=0):
        start = block * self.erase_bytes + offset
        buffer[:] = self.image[start : start + len(buffer)]

    def writeblocks(self, block, buffer, offset=0):
        start = block * self.erase_bytes + offset
        self.image[start : start + len(buffer)] = buffer

    def ioctl(self, operation, argument):
        if operation == 4:
            return self.blocks
        if operation == 5:
            return self.erase_bytes
        if operation == 6:
            self.erases += 1
            start = argument * self.erase_bytes
            self.image[start : start + self.erase_bytes] = b"\xff" * self.erase_bytes
        return 0


device = Device(task["erase_bytes"], task["blocks"])
sizes = {"readsize": 32, "progsize": task["program_bytes"], "lookahead": 32}
vfs.VfsLfs2.mkfs(device, **sizes)
flash = vfs.VfsLfs2(device, **sizes)
for number, (kind, name, other, size) in enumerate(task["operations"]):
    content = bytes([number % 256]) * size
    try:
        if kind in ("write", "append"):
            with flash.open(name, "wb" if kind == "write" else "ab") as file:
                file.write(content)
        elif kind == "rename":
            flash.rename(name, other)
        else:
            flash.remove(name)
        result = "done"
    except OSError as error:
        result = "error " + str(error.errno)
    tree = []
    for entry in flash.ilistdir("/"):
        with flash.open(entry[0], "rb") as file:
            tree.append([entry[0], len(file.read())])
    tree.sort(key=lambda pair: pair[0])
    print(json.dumps([result, tree]))
print(device.erases)
