"""Do people see what codewords are called? Rating studies: tasks, pictures, invitations, answers, agreement."""
